with
    named as (  -- an offer names its queue, without the id
        select name, min(queue_id) as queue_id from {{ ref('stg_dixa__queues') }} group by name having count(*) = 1
    )
select conversation_id, 'entered' as event, queued_at as occurred_at, queue_id, queue_name
from {{ ref('stg_dixa__conversations') }}
where queued_at is not null
union all
select conversation_id, 'transferred', occurred_at, destination_id, destination_label
from {{ ref('conversation_transfers') }}
where outcome = 'successful' and lower(destination_type) = 'queue'
union all
select
    conversation_id,
    'reserved',
    occurred_at,
    {{ tap_dixa.json_text('attributes', 'queueId') }},
    {{ tap_dixa.json_text('attributes', 'queueName') }}
from {{ ref('stg_dixa__activity_logs') }}
where activity_type = 'ConversationReserved'
union all
select conversation_id, 'offered', occurred_at, named.queue_id, {{ tap_dixa.json_text('attributes', 'queueLabel') }}
from {{ ref('stg_dixa__activity_logs') }}
left join named on named.name = {{ tap_dixa.json_text('attributes', 'queueLabel') }}
where activity_type = 'ConversationOffered'
