with
    queued as (select * from {{ ref('conversations') }} where queue_id is not null and queued_at is not null),
    events as (
        select queue_id, {{ dbt.date_trunc('hour', 'queued_at') }} as hour, 1 as arrived, 0 as answered, 0 as closed
        from queued
        union all
        select queue_id, {{ dbt.date_trunc('hour', 'answered_at') }}, 0, 1, 0
        from queued
        where answered_at is not null
        union all
        select queue_id, {{ dbt.date_trunc('hour', 'closed_at') }}, 0, 0, 1
        from queued
        where closed_at >= queued_at
    ),
    hours as (
        select queue_id, hour, sum(arrived) as arrived, sum(answered) as answered, sum(closed) as closed
        from events
        group by queue_id, hour
    )
select
    hours.queue_id,
    hours.hour,
    queues.name as queue_name,
    hours.arrived,
    hours.answered,
    hours.closed,
    sum(hours.arrived - hours.closed) over (
        partition by hours.queue_id order by hours.hour rows unbounded preceding
    ) as backlog
from hours
left join {{ ref('stg_dixa__queues') }} as queues on queues.queue_id = hours.queue_id
