-- Timestamps of conversations and messages as Unix milliseconds, as singer-io's tap and Airbyte emit them,
-- in DuckDB and PostgreSQL: docs/moving.md.
create schema if not exists dixa_epoch;

create or replace view dixa_epoch.conversation_export as
select
    id, (extract(epoch from created_at) * 1000)::bigint as created_at, initial_channel, requester_id, requester_name,
    requester_email, requester_additional_emails, requester_phone_number, requester_additional_phone_numbers,
    (extract(epoch from queued_at) * 1000)::bigint as queued_at, queue_id, queue_name,
    (extract(epoch from closed_at) * 1000)::bigint as closed_at, rating_score, rating_message, ratings, direction,
    (extract(epoch from assigned_at) * 1000)::bigint as assigned_at, assignee_id, assignee_name, assignee_email,
    assignee_phone_number, to_provisioned_phone_number_id, to_provisioned_phone_number_name, total_duration,
    handling_duration, dixa_email_integration_id, dixa_email_integration_sender_name, forwarding_email,
    facebook_page_id, facebook_page_name, widget_id, widget_name, tags, tags_info, conversation_wrapup_notes,
    transferee_name, (extract(epoch from transfer_time) * 1000)::bigint as transfer_time, originating_country,
    (extract(epoch from updated_at) * 1000)::bigint as updated_at,
    (extract(epoch from last_message_created_at) * 1000)::bigint as last_message_created_at, status,
    transferee_number, from_provisioned_phone_number_id, from_provisioned_phone_number_name, subject,
    (extract(epoch from anonymized_at) * 1000)::bigint as anonymized_at, custom_fields, exports_handling_duration,
    exports_first_response_time
from dixa.conversations;

create or replace view dixa_epoch.messages as
select
    id, csid, (extract(epoch from created_at) * 1000)::bigint as created_at, initial_channel, author_name,
    author_email, direction, text, from_phone_number, to_phone_number, duration, recording_url, voicemail_url, "to",
    "from", cc, bcc, attached_files, is_automated_message, chat_input_question, chat_input_answer, chat_menu_text,
    "formSubmission"
from dixa.messages;
