{{ staged('team_members') }}
