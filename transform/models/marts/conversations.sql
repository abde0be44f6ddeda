{{ config(
    materialized='incremental',
    unique_key='conversation_id',
    on_schema_change='sync_all_columns',
    post_hook="delete from {{ this }} where conversation_id not in (select conversation_id from {{ ref('stg_dixa__conversations') }})"
) }}
{%- set schedule = var('business_hours') -%}
with
    messages as (
        select
            conversation_id,
            count(*) as messages,
            count(case when direction = 'inbound' then 1 end) as inbound_messages,
            count(
                case when direction = 'outbound' and coalesce(is_automated_message, false) = false then 1 end
            ) as agent_messages,
            min(
                case when direction = 'outbound' and coalesce(is_automated_message, false) = false then created_at end
            ) as first_response_at
        from {{ ref('stg_dixa__messages') }}
        group by conversation_id
    ),
    entries as (
        select
            conversation_id,
            count(*) as entries,
            count(case when activity_type = 'ConversationReopened' then 1 end) as reopened,
            count(case when activity_type = 'TransferSuccessful' then 1 end) as transferred
        from {{ ref('stg_dixa__activity_logs') }}
        group by conversation_id
    ),
    counted as (
        select
            loaded.*,
            coalesce(m.messages, 0) as message_count,
            coalesce(m.inbound_messages, 0) as inbound_message_count,
            coalesce(m.agent_messages, 0) as agent_message_count,
            m.first_response_at as replied_at,
            coalesce(e.entries, 0) as activity_count,
            coalesce(e.reopened, 0) as reopened_count,
            coalesce(e.transferred, 0) as transferred_count
        from {{ ref('stg_dixa__conversations') }} as loaded
        left join messages as m on m.conversation_id = loaded.conversation_id
        left join entries as e on e.conversation_id = loaded.conversation_id
    ),
    loaded_since as (
        select
            (select {{ tap_dixa.loaded_since('created_at') }} from {{ ref('stg_dixa__messages') }}) as messages_at,
            (select {{ tap_dixa.loaded_since('occurred_at') }} from {{ ref('stg_dixa__activity_logs') }}) as entries_at
    ),
    answers as (
        select counted.conversation_id, min(taken.assigned_at) as answered_at
        from counted
        inner join
            {{ ref('conversation_assignments') }} as taken
            on taken.conversation_id = counted.conversation_id
            and taken.assigned_at >= coalesce(counted.queued_at, counted.created_at)
        group by counted.conversation_id
    ),
    csat as (
        select
            conversation_id,
            score,
            rating_status,
            row_number() over (
                partition by conversation_id order by case when score is null then 1 else 0 end, rated_at desc, position
            ) as place
        from {{ ref('conversation_ratings') }}
        where rating_type = 'csat' and rating_status in ('offered', 'rated')
    ),
    schedule as (
        select *
        from {{ ref('business_hours') }}
        where
            schedule_id = {% if schedule %} '{{ schedule }}'
            {% else -%}
                (select schedule_id from {{ ref('business_hours') }} order by schedule_name, schedule_id limit 1)
            {%- endif %}
    ),
    local_times as (
        select counted.conversation_id, {{ tap_dixa.local_time('counted.created_at', 'zones.timezone') }} as created_at
        from counted
        cross join (select distinct timezone from schedule) as zones
    ),
    clocks as (
        select *, substring(cast(cast(created_at as time) as {{ tap_dixa.native_type('text') }}), 1, 5) as clock
        from local_times
    ),
    hours as (
        select
            clocks.conversation_id,
            case when schedule.is_exception then 1 else 0 end as is_exception,
            case
                when
                    clocks.clock >= schedule.opens
                    and clocks.clock < replace(substring(schedule.closes, 1, 5), '00:00', '24:00')
                then 1
                else 0
            end as is_open
        from clocks
        left join
            schedule
            on (not schedule.is_exception and schedule.weekday = {{ tap_dixa.weekday('clocks.created_at') }})
            or cast(clocks.created_at as date)
            in (schedule.next_on, case when schedule.is_exception then schedule.starts_on end)
            or (
                schedule.day_of_month = extract(day from clocks.created_at)
                and schedule.month_of_year = extract(month from clocks.created_at)
            )
    ),
    in_hours as (
        select conversation_id, max(is_exception * 2 + is_open) in (1, 3) as is_in_business_hours
        from hours
        group by conversation_id
    ),
    figures as (
        select
            c.*,
            case
                when
                    c.direction = 'inbound'
                    and c.initial_channel not in ('pstnphone', 'callback', 'voicemail')
                    and c.created_at >= loaded_since.messages_at
                then c.replied_at
            end as first_response_at,
            case
                when c.direction = 'inbound' and coalesce(c.queued_at, c.created_at) >= loaded_since.entries_at
                then a.answered_at
            end as answered_at,
            s.score as csat_score,
            s.conversation_id is not null as is_csat_asked,
            h.is_in_business_hours
        from counted as c
        cross join loaded_since
        left join answers as a on a.conversation_id = c.conversation_id
        left join csat as s on s.conversation_id = c.conversation_id and s.place = 1
        left join in_hours as h on h.conversation_id = c.conversation_id
    ),
    computed as (
        select
            conversation_id,
            created_at,
            updated_at,
            queued_at,
            closed_at,
            initial_channel as channel,
            direction,
            status,
            queue_id,
            queue_name,
            agent_id,
            assignee_name as agent_name,
            case when anonymized_at is null then end_user_id end as end_user_id,
            anonymized_at is not null as is_anonymized,
            is_in_business_hours,
            message_count,
            inbound_message_count,
            agent_message_count,
            activity_count,
            reopened_count,
            transferred_count,
            first_response_at,
            {{ tap_dixa.seconds_between('created_at', 'first_response_at') }} as first_response_seconds,
            answered_at,
            {{ tap_dixa.seconds_between('coalesce(queued_at, created_at)', 'answered_at') }} as wait_seconds,
            {{ tap_dixa.seconds('handling_duration') }} as handling_seconds,
            {{ tap_dixa.seconds('total_duration') }} as total_seconds,
            {{ tap_dixa.seconds_between('created_at', 'closed_at') }} as resolution_seconds,
            is_csat_asked,
            csat_score,
            csat_score >= {{ var('csat_satisfied') }} as is_csat_satisfied,
            case
                when initial_channel <> 'pstnphone' or direction <> 'inbound'
                then null
                when transferee_name is not null or transferee_number is not null
                then 'forwarded'
                when queue_id is not null
                then 'queue'
                else 'direct'
            end as phone_route,
            case
                when initial_channel = 'pstnphone' and direction = 'inbound'
                then
                    coalesce(
                        {{ tap_dixa.seconds_between('coalesce(queued_at, created_at)', 'answered_at') }}
                        <= {{ var('phone_sla_seconds') }},
                        false
                    )
            end as is_phone_answered_in_time
        from figures
    )
select *
from computed
{%- if is_incremental() and adapter.get_columns_in_relation(this) | map(attribute='name') | map('lower') | list == model.columns | list %}
        {{ dbt.except() }} select * from {{ this }}
{%- endif %}
