{{ staged('queue_members') }}
