{{ staged('activity_logs') }}
