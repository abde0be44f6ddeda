{#- Types and JSON functions. Those for Snowflake and BigQuery are compiled, and not run. -#}
{#- A loaded column as one of text, integer, boolean, timestamp (UTC), interval and json. -#}
{% macro as_type(column, loaded, wanted, unit) -%}
    {%- if wanted == 'json' -%} {{ adapter.dispatch('as_json', 'tap_dixa')(column, loaded) }}
    {%- elif wanted == 'interval' -%}
        {{ adapter.dispatch('as_interval', 'tap_dixa')(column, 'millisecond' if unit == 'ms' else 'second') }}
    {%- elif wanted == 'timestamp' -%} {{ adapter.dispatch('as_timestamp', 'tap_dixa')(column, loaded) }}
    {%- else -%} cast({{ column }} as {{ tap_dixa.native_type(wanted) }})
    {%- endif -%}
{%- endmacro %}

{% macro native_type(wanted) -%} {{ adapter.dispatch('native_type', 'tap_dixa')(wanted) }} {%- endmacro %}

{% macro default__native_type(wanted) -%}
    {{ {'integer': 'bigint', 'double': 'double precision', 'json': 'jsonb' if target.type == 'postgres' else 'json'}.get(wanted, wanted) }}
{%- endmacro %}

{#- Snowflake stores no intervals: they are numbers of seconds. -#}
{% macro snowflake__native_type(wanted) -%}
    {{ {'text': 'varchar', 'integer': 'bigint', 'timestamp': 'timestamp_ntz', 'interval': 'float', 'json': 'variant'}.get(wanted, wanted) }}
{%- endmacro %}

{% macro bigquery__native_type(wanted) -%}
    {{ {'text': 'string', 'integer': 'int64', 'boolean': 'bool', 'double': 'float64'}.get(wanted, wanted) }}
{%- endmacro %}

{#- JSON whose null is NULL. -#}
{% macro duckdb__as_json(column, loaded) -%}
    {%- set json = column if loaded == 'json' else 'cast(' ~ column ~ ' as json)' if 'char' in loaded else 'to_json(' ~ column ~ ')' -%}
    case when json_type({{ json }}) <> 'NULL' then {{ json }} end
{%- endmacro %}

{% macro default__as_json(column, loaded) -%}
    {%- set json = column if loaded == 'jsonb' else column ~ '::jsonb' if loaded in ('text', 'character varying', 'json') else 'to_jsonb(' ~ column ~ ')' -%}
    nullif({{ json }}, 'null')
{%- endmacro %}

{% macro snowflake__as_json(column, loaded) -%}
    {%- set json = 'try_parse_json(' ~ column ~ ')' if 'char' in loaded or loaded == 'text' else 'to_variant(' ~ column ~ ')' -%}
    iff(is_null_value({{ json }}), null, {{ json }})
{%- endmacro %}

{% macro bigquery__as_json(column, loaded) -%}
    {%- set json = 'safe.parse_json(' ~ column ~ ')' if loaded == 'string' else column if loaded == 'json' else 'to_json(' ~ column ~ ')' -%}
    if(json_type({{ json }}) = 'null', null, {{ json }})
{%- endmacro %}

{% macro default__as_interval(column, unit) -%} {{ column }} * interval '1 {{ unit }}' {%- endmacro %}

{% macro snowflake__as_interval(column, unit) -%}
    {{ column }} / {{ 1000.0 if unit == 'millisecond' else 1.0 }}
{%- endmacro %}

{% macro bigquery__as_interval(column, unit) -%}
    make_interval(second => 1) * {{ column }}{{ ' / 1000' if unit == 'millisecond' }}
{%- endmacro %}

{#- A time in UTC, without a zone. -#}
{% macro default__as_timestamp(column, loaded) -%}
    {%- if 'with time zone' in loaded or loaded == 'timestamptz' -%} {{ column }} at time zone 'UTC'
    {%- elif loaded.startswith('timestamp') -%} {{ column }}
    {%- else -%} cast({{ column }} as timestamptz) at time zone 'UTC'
    {%- endif -%}
{%- endmacro %}

{% macro snowflake__as_timestamp(column, loaded) -%}
    {{ column if loaded == 'timestamp_ntz' else "convert_timezone('UTC', " ~ column ~ "::timestamp_tz)::timestamp_ntz" }}
{%- endmacro %}

{% macro bigquery__as_timestamp(column, loaded) -%} cast({{ column }} as timestamp) {%- endmacro %}

{#- Text at a path of JSON, and JSON at a path. -#}
{% macro json_text(json, path) -%} {{ adapter.dispatch('json_text', 'tap_dixa')(json, path) }} {%- endmacro %}

{% macro duckdb__json_text(json, path) -%} ({{ json }} ->> '$.{{ path }}') {%- endmacro %}

{% macro default__json_text(json, path) -%}
    ({{ json }} #>> '{{ '{' ~ path | replace('.', ', ') ~ '} ' }}')
{%- endmacro %}

{% macro snowflake__json_text(json, path) -%} get_path({{ json }}, '{{ path }}')::varchar {%- endmacro %}

{% macro bigquery__json_text(json, path) -%} json_value({{ json }}, '$.{{ path }}') {%- endmacro %}

{% macro json_at(json, path) -%} {{ adapter.dispatch('json_at', 'tap_dixa')(json, path) }} {%- endmacro %}

{% macro duckdb__json_at(json, path) -%} ({{ json }} -> '$.{{ path }}') {%- endmacro %}

{% macro default__json_at(json, path) -%}({{ json }} #> '{{ '{' ~ path | replace('.', ', ') ~ '} ' }}') {%- endmacro %}

{% macro snowflake__json_at(json, path) -%} get_path({{ json }}, '{{ path }}') {%- endmacro %}

{% macro bigquery__json_at(json, path) -%} json_query({{ json }}, '$.{{ path }}') {%- endmacro %}

{#- A query for the elements of an array: the columns named, item (JSON), content (its text) and
    position, counted from 1. -#}
{% macro json_elements(relation, columns, json) -%}
    {{ adapter.dispatch('json_elements', 'tap_dixa')(relation, columns | join(', '), json) }}
{%- endmacro %}

{% macro duckdb__json_elements(relation, columns, json) -%}
    (
        select {{ columns }}, item, item ->> '$' as content, position
        from {{ relation }}
        cross join unnest(from_json({{ json }}, '["json"]'))
        with ordinality as one(item, position)
    )
{%- endmacro %}

{% macro default__json_elements(relation, columns, json) -%}
    (
        select {{ columns }}, item, item #>> '{}' as content, position
        from {{ relation }}
        cross join jsonb_array_elements({{ json }})
        with ordinality as one(item, position)
    )
{%- endmacro %}

{% macro snowflake__json_elements(relation, columns, json) -%}
    (
        select {{ columns }}, one.value as item, one.value::varchar as content, one.index + 1 as position
        from {{ relation }}
        cross join lateral flatten(input => {{ json }}) as one
    )
{%- endmacro %}

{% macro bigquery__json_elements(relation, columns, json) -%}
    (
        select {{ columns }}, item, string(item) as content, before + 1 as position
        from {{ relation }}
        cross join unnest(json_query_array({{ json }})) as item
        with
        offset as before
    )
{%- endmacro %}

{#- A query for the fields of an object: the columns named, name and item (JSON). -#}
{% macro json_fields(relation, columns, json) -%}
    {{ adapter.dispatch('json_fields', 'tap_dixa')(relation, columns | join(', '), json) }}
{%- endmacro %}

{% macro duckdb__json_fields(relation, columns, json) -%}
    (
        select {{ columns }}, name, {{ json }} -> name as item
        from {{ relation }}
        cross join unnest(json_keys({{ json }})) as one(name)
    )
{%- endmacro %}

{% macro default__json_fields(relation, columns, json) -%}
    (select {{ columns }}, name, item from {{ relation }} cross join jsonb_each({{ json }}) as one(name, item))
{%- endmacro %}

{% macro snowflake__json_fields(relation, columns, json) -%}
    (
        select {{ columns }}, one.key as name, one.value as item
        from {{ relation }}
        cross join lateral flatten(input => {{ json }}) as one
    )
{%- endmacro %}

{% macro bigquery__json_fields(relation, columns, json) -%}
    (
        select {{ columns }}, name, {{ json }} [name] as item
        from {{ relation }}
        cross join unnest(json_keys({{ json }}, 1)) as name
    )
{%- endmacro %}

{#- JSON, or what else, as text. -#}
{% macro json_string(json) -%} {{ adapter.dispatch('json_string', 'tap_dixa')(json) }} {%- endmacro %}

{% macro default__json_string(json) -%} cast({{ json }} as {{ tap_dixa.native_type('text') }}) {%- endmacro %}

{% macro bigquery__json_string(json) -%} to_json_string({{ json }}) {%- endmacro %}

{#- Seconds, with a fraction: of an interval, and between two times. -#}
{% macro seconds(interval) -%} {{ adapter.dispatch('seconds', 'tap_dixa')(interval) }} {%- endmacro %}

{% macro default__seconds(interval) -%}
    cast(extract(epoch from {{ interval }}) as {{ tap_dixa.native_type('double') }})
{%- endmacro %}

{% macro snowflake__seconds(interval) -%} {{ interval }} {%- endmacro %}

{% macro bigquery__seconds(interval) -%}
    timestamp_diff(timestamp '2000-01-01' + {{ interval }}, timestamp '2000-01-01', millisecond) / 1000
{%- endmacro %}

{% macro seconds_between(start, stop) -%}
    {{ adapter.dispatch('seconds_between', 'tap_dixa')(start, stop) }}
{%- endmacro %}

{% macro default__seconds_between(start, stop) -%} {{ tap_dixa.seconds(stop ~ ' - ' ~ start) }} {%- endmacro %}

{% macro snowflake__seconds_between(start, stop) -%}
    timestampdiff(millisecond, {{ start }}, {{ stop }}) / 1000
{%- endmacro %}

{% macro bigquery__seconds_between(start, stop) -%}
    timestamp_diff({{ stop }}, {{ start }}, millisecond) / 1000
{%- endmacro %}

{#- The time in a zone, of a time in UTC; and its day of the week: 1 is Monday. -#}
{% macro local_time(time, zone) -%} {{ adapter.dispatch('local_time', 'tap_dixa')(time, zone) }} {%- endmacro %}

{% macro default__local_time(time, zone) -%} {{ time }} at time zone 'UTC' at time zone {{ zone }} {%- endmacro %}

{% macro snowflake__local_time(time, zone) -%} convert_timezone('UTC', {{ zone }}, {{ time }}) {%- endmacro %}

{% macro bigquery__local_time(time, zone) -%} datetime({{ time }}, {{ zone }}) {%- endmacro %}

{% macro weekday(time) -%} {{ adapter.dispatch('weekday', 'tap_dixa')(time) }} {%- endmacro %}

{% macro default__weekday(time) -%} extract(isodow from {{ time }}) {%- endmacro %}

{% macro snowflake__weekday(time) -%} dayofweekiso({{ time }}) {%- endmacro %}

{% macro bigquery__weekday(time) -%} mod(extract(dayofweek from {{ time }}) + 5, 7) + 1 {%- endmacro %}

{% macro monday(time) -%}
    cast({{ dbt.date_trunc('isoweek' if target.type == 'bigquery' else 'week', time) }} as date)
{%- endmacro %}

{#- A query for the integers between those of two columns. -#}
{% macro integers_between(relation, low, high) -%}
    {{ adapter.dispatch('integers_between', 'tap_dixa')(relation, low, high) }}
{%- endmacro %}

{% macro duckdb__integers_between(relation, low, high) -%}
    (select number from {{ relation }} cross join unnest(generate_series({{ low }} + 1, {{ high }} - 1)) as one(number))
{%- endmacro %}

{% macro default__integers_between(relation, low, high) -%}
    (select number from {{ relation }} cross join generate_series({{ low }} + 1, {{ high }} - 1) as one(number))
{%- endmacro %}

{% macro snowflake__integers_between(relation, low, high) -%}
    (
        select one.value::integer as number
        from {{ relation }}
        cross join lateral flatten(input => array_generate_range({{ low }} + 1, {{ high }})) as one
    )
{%- endmacro %}

{% macro bigquery__integers_between(relation, low, high) -%}
    (select number from {{ relation }} cross join unnest(generate_array({{ low }} + 1, {{ high }} - 1)) as number)
{%- endmacro %}
