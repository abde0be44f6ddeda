{{ staged('intelligence_records') }}
