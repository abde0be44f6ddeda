{{ staged('conversations') }}
