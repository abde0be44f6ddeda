{{ staged('analytics_records') }}
