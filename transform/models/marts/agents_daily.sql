with
    agents as (
        select lower(email) as email, max(agent_id) as agent_id from {{ ref('stg_dixa__agents') }} group by lower(email)
    ),
    events as (
        select
            agent_id,
            cast(assigned_at as date) as day,
            conversation_id,
            'assigned' as event,
            cast(null as {{ tap_dixa.native_type('double') }}) as seconds,
            1 as good
        from {{ ref('conversation_assignments') }}
        union all
        select agent_id, cast(closed_at as date), conversation_id, 'closed', handling_seconds, 1
        from {{ ref('conversations') }}
        where status = 'closed' and closed_at is not null
        union all
        select
            c.agent_id,
            cast(r.rated_at as date),
            r.conversation_id,
            'rated',
            null,
            case when r.score >= {{ var('csat_satisfied') }} then 1 else 0 end
        from {{ ref('conversation_ratings') }} as r
        inner join {{ ref('conversations') }} as c on c.conversation_id = r.conversation_id
        where r.rating_type = 'csat' and r.rating_status = 'rated' and r.score is not null and r.rated_at is not null
        union all
        select a.agent_id, cast(m.created_at as date), m.conversation_id, 'sent', null, 1
        from {{ ref('stg_dixa__messages') }} as m
        inner join agents as a on a.email = lower(m.author_email)
        where m.direction = 'outbound' and coalesce(m.is_automated_message, false) = false
    )
select
    events.agent_id,
    events.day,
    min(known.display_name) as agent_name,
    count(distinct case when event = 'assigned' then conversation_id end) as assigned_conversations,
    count(case when event = 'closed' then 1 end) as closed_conversations,
    coalesce(sum(seconds), 0) as handling_seconds,
    count(case when event = 'sent' then 1 end) as sent_messages,
    count(case when event = 'rated' then 1 end) as csat_answers,
    count(case when event = 'rated' and good = 1 then 1 end) as csat_satisfied
from events
left join {{ ref('stg_dixa__agents') }} as known on known.agent_id = events.agent_id
where events.agent_id is not null
group by events.agent_id, events.day
