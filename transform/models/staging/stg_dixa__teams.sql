{{ staged('teams') }}
