{{ staged('conversation_notes') }}
