{#- Rows of anonymized conversations, and redacted messages, that still contain personal data. -#}
{%- set text = tap_dixa.json_text -%}
{%- set string = tap_dixa.json_string -%}
with
    anonymized as (select conversation_id from {{ ref('stg_dixa__conversations') }} where anonymized_at is not null),
    redacted as (
        select
            {{ text('attributes', 'messageId') }} as message_id,
            coalesce({{ text('attributes', 'wasTextRedacted') }}, 'true') = 'true' as is_text,
            coalesce({{ text('attributes', 'numberOfDeletedFiles') }}, '1') <> '0' as is_files
        from {{ ref('stg_dixa__activity_logs') }}
        where activity_type = 'ConversationMessageRedacted'
    ),
    customers as (
        select end_user_id
        from {{ ref('stg_dixa__end_users') }}
        union distinct
        select end_user_id
        from {{ ref('stg_dixa__conversations') }}
    ),
    personal as (
        select
            'conversations' as stream,
            cast(conversation_id as {{ tap_dixa.native_type('text') }}) as id,
            conversation_id,
            concat(
                coalesce(requester_name, ''),
                coalesce(requester_email, ''),
                coalesce({{ string('requester_additional_emails') }}, ''),
                coalesce(requester_phone_number, ''),
                coalesce({{ string('requester_additional_phone_numbers') }}, ''),
                coalesce(subject, ''),
                coalesce(rating_message, '')
            ) as content
        from {{ ref('stg_dixa__conversations') }}
        where anonymized_at is not null
        union all
        select
            'conversations',
            cast(conversation_id as {{ tap_dixa.native_type('text') }}),
            conversation_id,
            {{ text('item', 'rating_message') }}
        from {{ tap_dixa.json_elements(ref('stg_dixa__conversations'), ['conversation_id'], 'ratings') }} as ratings
        where conversation_id in (select conversation_id from anonymized)
        union all
        select
            'messages',
            message_id,
            conversation_id,
            concat(
                case
                    when direction = 'inbound'
                    then concat(coalesce(author_name, ''), coalesce(author_email, ''))
                    else ''
                end,
                coalesce(text, ''),
                coalesce(from_address, ''),
                coalesce({{ string('to_addresses') }}, ''),
                coalesce({{ string('cc_addresses') }}, ''),
                coalesce({{ string('bcc_addresses') }}, ''),
                coalesce(case when direction = 'outbound' then to_phone_number else from_phone_number end, ''),
                coalesce(recording_url, ''),
                coalesce(voicemail_url, ''),
                coalesce({{ string('attached_files') }}, ''),
                coalesce({{ string('form_submission') }}, ''),
                coalesce(chat_input_answer, '')
            )
        from {{ ref('stg_dixa__messages') }}
        where conversation_id in (select conversation_id from anonymized)
        union all
        select
            'messages',
            m.message_id,
            m.conversation_id,
            concat(
                case when r.is_text then coalesce(m.text, '') else '' end,
                case when r.is_files then coalesce({{ string('m.attached_files') }}, '') else '' end
            )
        from {{ ref('stg_dixa__messages') }} as m
        inner join redacted as r on r.message_id = m.message_id
        union all
        select
            'activity_logs',
            activity_id,
            conversation_id,
            concat(
                case
                    when {{ text('author', 'id') }} in (select end_user_id from customers)
                    then
                        concat(
                            coalesce({{ text('author', 'name') }}, ''),
                            coalesce({{ text('author', 'email') }}, ''),
                            coalesce({{ text('author', 'phoneNumber') }}, '')
                        )
                    else ''
                end
                {%- for path in ['subject', 'oldSubject', 'newSubject', 'message'] %}
                    , coalesce({{ text('attributes', path) }}, '')
                {%- endfor %},
                -- An agent's message is from the account's own address or number.
                case
                    when activity_type <> 'MessageAddedByAgent'
                    then coalesce({{ text('attributes', 'fromEndpoint') }}, '')
                    else ''
                end
                {%- for user in ['user', 'oldUser', 'newUser'] %}
                    {% for field in ['name', 'email', 'phoneNumber'] %}
                        , coalesce({{ text('attributes', user ~ '.' ~ field) }}, '')
                    {%- endfor %}
                {% endfor %}
            )
        from {{ ref('stg_dixa__activity_logs') }}
        where conversation_id in (select conversation_id from anonymized)
        union all
        select 'conversation_notes', note_id, conversation_id, message
        from {{ ref('stg_dixa__conversation_notes') }}
        where conversation_id in (select conversation_id from anonymized)
        union all
        select 'conversation_ratings', survey_id, conversation_id, rating_comment
        from {{ ref('stg_dixa__conversation_ratings') }}
        where conversation_id in (select conversation_id from anonymized)
        {%- for stream in ['analytics_records', 'intelligence_records'] %}
            union all
            select '{{ stream }}', record_id, conversation_id, fields
            from
                (
                    select
                        record_id,
                        conversation_id,
                        replace(
                            {{ string('fields') }}, coalesce({{ text('fields', 'contact_point.value') }}, '-'), '-'
                        ) as fields
                    from {{ ref('stg_dixa__' ~ stream) }}
                ) as {{ stream }}
            where
                conversation_id in (select conversation_id from anonymized)
                and (fields like '%@%' or fields like '%"+%')
        {%- endfor %}
    )
select distinct stream, id, conversation_id
from personal
where replace(replace(replace(replace(lower(content), 'anonymized', ''), '[]', ''), '{}', ''), 'null', '') <> ''
