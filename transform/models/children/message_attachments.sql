select message_id, conversation_id, position, content as url
from
    {{ tap_dixa.json_elements(ref('stg_dixa__messages'), ['message_id', 'conversation_id'], 'attached_files') }}
    as files
