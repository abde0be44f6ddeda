-- Rows of anonymized conversations, and redacted messages, that still contain personal data, in
-- DuckDB and PostgreSQL: docs/personal-data.md. After a run it should find nothing.
with
anonymized as (
  select id from dixa.conversations where anonymized_at is not null
),
redacted as (
  select
    attributes ->> 'messageId' as id,
    coalesce(attributes ->> 'wasTextRedacted', 'true') = 'true' as of_text,
    coalesce(attributes ->> 'numberOfDeletedFiles', '1') <> '0' as of_files
  from dixa.activity_logs
  where _type = 'ConversationMessageRedacted'
),
personal as (
  select 'conversations' as stream, cast(id as varchar) as id, id as conversation, concat_ws(
    '', requester_name, requester_email, cast(requester_additional_emails as varchar),
    requester_phone_number, cast(requester_additional_phone_numbers as varchar),
    subject, rating_message, case when replace(replace(
      cast(ratings as varchar), ' ', ''
    ), '"rating_message":""', '') like '%"rating_message":"%' then 'a comment in ratings' end
  ) as content
  from dixa.conversations where anonymized_at is not null
  union all
  select 'messages', id, csid, concat_ws(
    '', case when direction = 'inbound' then concat(author_name, author_email) end, text,
    "from", cast("to" as varchar), cast(cc as varchar), cast(bcc as varchar),
    case when direction = 'outbound' then to_phone_number else from_phone_number end,
    recording_url, voicemail_url, cast(attached_files as varchar),
    cast("formSubmission" as varchar), chat_input_answer
  )
  from dixa.messages where csid in (select id from anonymized)
  union all
  select 'messages', m.id, m.csid, concat_ws(
    '', case when r.of_text then m.text end,
    case when r.of_files then cast(m.attached_files as varchar) end
  )
  from dixa.messages m join redacted r on r.id = m.id
  union all
  select 'activity_logs', id, "conversationId", concat_ws(
    '', case when (author ->> 'id') in (
      select id from dixa.end_users union select requester_id from dixa.conversations
    ) then concat(author ->> 'name', author ->> 'email', author ->> 'phoneNumber') end,
    attributes ->> 'subject', attributes ->> 'oldSubject', attributes ->> 'newSubject',
    attributes ->> 'message', attributes ->> 'fromEndpoint',
    (attributes -> 'user') ->> 'name', (attributes -> 'user') ->> 'email',
    (attributes -> 'user') ->> 'phoneNumber', (attributes -> 'oldUser') ->> 'name',
    (attributes -> 'oldUser') ->> 'email', (attributes -> 'oldUser') ->> 'phoneNumber',
    (attributes -> 'newUser') ->> 'name', (attributes -> 'newUser') ->> 'email',
    (attributes -> 'newUser') ->> 'phoneNumber'
  )
  from dixa.activity_logs where "conversationId" in (select id from anonymized)
  union all
  select 'conversation_notes', id, csid, message
  from dixa.conversation_notes where csid in (select id from anonymized)
  union all
  select 'conversation_ratings', id, csid, "ratingComment"
  from dixa.conversation_ratings where csid in (select id from anonymized)
  union all
  select 'analytics_records', id, "conversationId", found.content
  from dixa.analytics_records, lateral (select replace(
    cast(fields as varchar), coalesce((fields -> 'contact_point') ->> 'value', '-'), '-'
  ) as content) found
  where "conversationId" in (select id from anonymized)
    and (found.content like '%@%' or found.content like '%"+%')
  union all
  select 'intelligence_records', id, "conversationId", cast(fields as varchar)
  from dixa.intelligence_records where "conversationId" in (select id from anonymized)
    and (cast(fields as varchar) like '%@%' or cast(fields as varchar) like '%"+%')
)
select distinct stream, id, conversation
from personal
where regexp_replace(lower(content), '(anonymized|\[]|{}|null)', '', 'g') <> ''
order by stream, id
