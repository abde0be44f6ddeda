select
    activity_id,
    conversation_id,
    occurred_at,
    case
        activity_type
        when 'TransferInitiated'
        then 'initiated'
        when 'TransferSuccessful'
        then 'successful'
        else 'failed'
    end as outcome,
    {{ tap_dixa.json_text('author', 'id') }} as author_id,
    {{ tap_dixa.json_text('attributes', 'transferType') }} as transfer_type,
    {{ tap_dixa.json_text('attributes', 'destinationType') }} as destination_type,
    {{ tap_dixa.json_text('attributes', 'destinationId') }} as destination_id,
    {{ tap_dixa.json_text('attributes', 'destinationLabel') }} as destination_label,
    {{ tap_dixa.json_text('attributes', 'reason') }} as reason
from {{ ref('stg_dixa__activity_logs') }}
where activity_type in ('TransferInitiated', 'TransferSuccessful', 'TransferFailed')
