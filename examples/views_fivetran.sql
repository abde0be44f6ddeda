-- Fivetran's tables, as views on those of this tap in DuckDB: docs/moving.md.
create schema if not exists dixa_fivetran;

create or replace view dixa_fivetran.conversation as
select * exclude (tags, tags_info, ratings, custom_fields, conversation_wrapup_notes)
from dixa.conversations;

create or replace view dixa_fivetran.conversation_message as
select
    id, csid as conversation_id, created_at, initial_channel, direction, author_name, author_email, text, duration,
    "from" as froms, from_phone_number, to_phone_number, is_automated_message, recording_url, voicemail_url,
    chat_input_question, chat_input_answer, chat_menu_text
from dixa.messages;

create or replace view dixa_fivetran.email_recipient as
select distinct id, unnest(from_json("to", '["varchar"]')) as email_id
from dixa.messages;

create or replace view dixa_fivetran.conversation_tag as
select conversation_id, tag ->> 'id' as tag_id, (tag ->> 'is_deactivated')::boolean as is_deactivated
from (select id as conversation_id, unnest(from_json(tags_info, '["json"]')) as tag from dixa.conversations);

create or replace view dixa_fivetran.conversation_rating as
select
    conversation_id,
    (rating ->> 'rating_score')::integer as score,
    rating ->> 'rating_type' as type,
    rating ->> 'rating_status' as status,
    rating ->> 'rating_message' as message,
    (rating ->> 'rating_offered_timestamp')::timestamp as offered_timestamp,
    (rating ->> 'rating_rated_timestamp')::timestamp as rated_timestamp
from (select id as conversation_id, unnest(from_json(ratings, '["json"]')) as rating from dixa.conversations);

create or replace view dixa_fivetran.conversation_custom_field_value as
select conversation_id, conversation_custom_field_id, generate_subscripts(list, 1) - 1 as index, unnest(list) as value
from (
    select
        conversation_id, field ->> 'attribute_id' as conversation_custom_field_id,
        from_json(field -> 'value', '["varchar"]') as list
    from (select id as conversation_id, unnest(from_json(custom_fields, '["json"]')) as field from dixa.conversations)
);

create or replace view dixa_fivetran.conversation_activity_log as
select
    id, conversationid as conversation_id, author ->> 'id' as author_id, activitytimestamp as activity_timestamp,
    activitytype as activity_type, _type as type, attributes
from dixa.activity_logs;

create or replace view dixa_fivetran.agent as
select
    id, displayname as display_name, firstname as first_name, lastname as last_name, middlenames as middle_name, email,
    phonenumber as phone_number, avatarurl as avatar_url, createdat as created_at
from dixa.agents;

create or replace view dixa_fivetran.queue_member as
select agentid as agent_id, queueid as queue_id, priority
from dixa.queue_members;

create or replace view dixa_fivetran.team_member as
select id as agent_id, teamid as team_id
from dixa.team_members;
