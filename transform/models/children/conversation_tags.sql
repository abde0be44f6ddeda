select
    conversation_id,
    {{ tap_dixa.json_text('item', 'id') }} as tag_id,
    {{ tap_dixa.json_text('item', 'name') }} as tag_name,
    cast({{ tap_dixa.json_text('item', 'is_deactivated') }} as {{ tap_dixa.native_type('boolean') }}) as is_deactivated
from {{ tap_dixa.json_elements(ref('stg_dixa__conversations'), ['conversation_id'], 'tags_info') }} as tags
