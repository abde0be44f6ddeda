{{ staged('custom_attributes') }}
