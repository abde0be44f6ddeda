with
    queues as (
        select queue_id, {{ tap_dixa.json_at('usages', 'usages') }} as channels from {{ ref('stg_dixa__queues') }}
    ),
    channels as (
        select queue_id, name as channel, item as endpoints
        from {{ tap_dixa.json_fields('queues', ['queue_id'], 'channels') }} as fields
    )
select queue_id, channel, content as contact_endpoint_id
from {{ tap_dixa.json_elements('channels', ['queue_id', 'channel'], 'endpoints') }} as endpoints
