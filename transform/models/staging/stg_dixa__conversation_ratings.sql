{{ staged('conversation_ratings') }}
