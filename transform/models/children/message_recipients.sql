{% for field in ['to', 'cc', 'bcc'] %}
    select message_id, conversation_id, '{{ field }}' as field, position, content as address
    from
        {{ tap_dixa.json_elements(ref('stg_dixa__messages'), ['message_id', 'conversation_id'], field ~ '_addresses') }}
        as {{ field }}_addresses
        {{ 'union all' if not loop.last }}
{% endfor %}
