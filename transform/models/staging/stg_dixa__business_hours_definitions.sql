{{ staged('business_hours_definitions') }}
