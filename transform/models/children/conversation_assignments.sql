with
    entries as (
        select
            activity_id,
            conversation_id,
            case
                activity_type
                when 'ConversationAssigned'
                then {{ tap_dixa.json_text('attributes', 'agentId') }}
                when 'ConversationClaimed'
                then {{ tap_dixa.json_text('author', 'id') }}
            end as agent_id,
            activity_type = 'ConversationClaimed' as is_claimed,
            occurred_at as assigned_at,
            lead(occurred_at) over (partition by conversation_id order by occurred_at, activity_id) as ended_at
        from {{ ref('stg_dixa__activity_logs') }}
        where activity_type in ('ConversationAssigned', 'ConversationClaimed', 'ConversationUnassigned')
    )
select *
from entries
where agent_id is not null
