select
    conversation_id,
    position,
    lower({{ tap_dixa.json_text('item', 'rating_type') }}) as rating_type,
    lower({{ tap_dixa.json_text('item', 'rating_status') }}) as rating_status,
    cast({{ tap_dixa.json_text('item', 'rating_score') }} as {{ tap_dixa.native_type('integer') }}) as score,
    {{ tap_dixa.json_text('item', 'rating_message') }} as message,
    {{ tap_dixa.json_text('item', 'rating_language') }} as language
    {%- for time in ['created', 'scheduled', 'scheduled_for', 'unscheduled', 'offered', 'rated', 'modified', 'cancelled'] %}
        ,
        {{ tap_dixa.as_type(tap_dixa.json_text('item', 'rating_' ~ time ~ '_timestamp'), 'text', 'timestamp') }}
        as {{ time }}_at
    {%- endfor %}
from {{ tap_dixa.json_elements(ref('stg_dixa__conversations'), ['conversation_id'], 'ratings') }} as ratings
