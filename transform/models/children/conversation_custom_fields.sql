with
    fields as (
        select
            conversation_id,
            {{ tap_dixa.json_text('item', 'attribute_id') }} as custom_attribute_id,
            {{ tap_dixa.json_text('item', 'identifier') }} as identifier,
            {{ tap_dixa.json_text('item', 'data_type') }} as data_type,
            cast({{ tap_dixa.json_text('item', 'archived') }} as {{ tap_dixa.native_type('boolean') }}) as is_archived,
            {{ tap_dixa.as_type(tap_dixa.json_at('item', 'value'), tap_dixa.native_type('json'), 'json') }} as items
        from
            {{ tap_dixa.json_elements(ref('stg_dixa__conversations'), ['conversation_id'], 'custom_fields') }} as fields
    )
select conversation_id, custom_attribute_id, identifier, data_type, is_archived, position, content as value
from
    {{ tap_dixa.json_elements('fields', ['conversation_id', 'custom_attribute_id', 'identifier', 'data_type', 'is_archived'], 'items') }}
    as items
