with
    queued as (select * from {{ ref('conversations') }} where queue_id is not null and queued_at is not null),
    events as (
        select queue_id, {{ dbt.date_trunc('hour', 'queued_at') }} as hour, 'arrived' as event
        from queued
        union all
        select queue_id, {{ dbt.date_trunc('hour', 'answered_at') }}, 'answered'
        from queued
        where answered_at is not null
        union all
        select queue_id, {{ dbt.date_trunc('hour', 'closed_at') }}, 'closed'
        from queued
        where closed_at >= queued_at
    ),
    hours as (
        select
            began.queue_id,
            known.hour,
            count(case when events.event = 'arrived' then 1 end) as arrived,
            count(case when events.event = 'answered' then 1 end) as answered,
            count(case when events.event = 'closed' then 1 end) as closed
        from (select queue_id, min(hour) as hour from events group by queue_id) as began
        inner join (select distinct hour from events) as known on known.hour >= began.hour
        left join events on events.queue_id = began.queue_id and events.hour = known.hour
        group by began.queue_id, known.hour
    )
select
    hours.queue_id,
    hours.hour,
    queues.name as queue_name,
    hours.arrived,
    hours.answered,
    hours.closed,
    cast(
        sum(hours.arrived - hours.closed) over (
            partition by hours.queue_id order by hours.hour rows unbounded preceding
        ) as {{ tap_dixa.native_type('integer') }}
    ) as backlog
from hours
left join {{ ref('stg_dixa__queues') }} as queues on queues.queue_id = hours.queue_id
