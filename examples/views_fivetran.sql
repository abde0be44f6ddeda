-- Fivetran's tables, as views on those of this tap: docs/moving.md. For PostgreSQL, comments replace the lines above them:
-- perl -0pe 's/.*\n *-- PostgreSQL: //g' examples/views_fivetran.sql | psql
create schema if not exists dixa_fivetran;

create or replace view dixa_fivetran.conversation as
select * exclude (tags, tags_info, ratings, custom_fields, conversation_wrapup_notes)
-- PostgreSQL: select *
from dixa.conversations;

create or replace view dixa_fivetran.conversation_message as
select
    id, csid as conversation_id, created_at, initial_channel, direction, author_name, author_email, text, duration,
    "from" as froms, from_phone_number, to_phone_number, is_automated_message, recording_url, voicemail_url,
    chat_input_question, chat_input_answer, chat_menu_text
from dixa.messages;

create or replace view dixa_fivetran.email_recipient as
select distinct id, unnest(from_json("to", '["varchar"]')) as email_id
-- PostgreSQL: select distinct id, jsonb_array_elements_text("to") as email_id
from dixa.messages;

create or replace view dixa_fivetran.conversation_tag as
select conversation_id, tag ->> 'id' as tag_id, (tag ->> 'is_deactivated')::boolean as is_deactivated
from (select id as conversation_id, unnest(from_json(tags_info, '["json"]')) as tag from dixa.conversations) as tags;
-- PostgreSQL: from (select id as conversation_id, jsonb_array_elements(tags_info) as tag from dixa.conversations) as tags;

create or replace view dixa_fivetran.conversation_rating as
select
    conversation_id,
    (rating ->> 'rating_score')::integer as score,
    rating ->> 'rating_type' as type,
    rating ->> 'rating_status' as status,
    rating ->> 'rating_message' as message,
    (rating ->> 'rating_offered_timestamp')::timestamp as offered_timestamp,
    (rating ->> 'rating_rated_timestamp')::timestamp as rated_timestamp
from (select id as conversation_id, unnest(from_json(ratings, '["json"]')) as rating from dixa.conversations) as ratings;
-- PostgreSQL: from (select id as conversation_id, jsonb_array_elements(ratings) as rating from dixa.conversations) as ratings;

create or replace view dixa_fivetran.conversation_custom_field_value as
select conversation_id, conversation_custom_field_id, generate_subscripts(list, 1) - 1 as index, unnest(list) as value
from (
    select
        conversation_id, field ->> 'attribute_id' as conversation_custom_field_id,
        from_json(field -> 'value', '["varchar"]') as list
        -- PostgreSQL: array(select jsonb_array_elements_text(field -> 'value')) as list
    from (select id as conversation_id, unnest(from_json(custom_fields, '["json"]')) as field from dixa.conversations) as f
    -- PostgreSQL: from (select id as conversation_id, jsonb_array_elements(custom_fields) as field from dixa.conversations) as f
) as fields;

create or replace view dixa_fivetran.conversation_activity_log as
select
    id, "conversationId" as conversation_id, author ->> 'id' as author_id, "activityTimestamp" as activity_timestamp,
    "activityType" as activity_type, _type as type, attributes
from dixa.activity_logs;

create or replace view dixa_fivetran.agent as
select
    id, "displayName" as display_name, "firstName" as first_name, "lastName" as last_name, "middleNames" as middle_name, email,
    "phoneNumber" as phone_number, "avatarUrl" as avatar_url, "createdAt" as created_at
from dixa.agents;

create or replace view dixa_fivetran.queue_member as
select "agentId" as agent_id, "queueId" as queue_id, priority
from dixa.queue_members;

create or replace view dixa_fivetran.team_member as
select id as agent_id, "teamId" as team_id
from dixa.team_members;
