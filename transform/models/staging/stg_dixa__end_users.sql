{{ staged('end_users') }}
