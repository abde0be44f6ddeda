{#- The view of a stream: the columns that the model's YAML lists, of the types it names. A column
    is found by its letters, so createdAt is created_at, createdat and CREATED_AT too. What was not
    loaded is null, or has no rows. Soft-deleted rows are left out. -#}
{% macro staged(stream) -%}
    {%- set table = source('dixa', stream) -%}
    {%- if execute -%}
        {%- set loaded = tap_dixa.loaded_columns(table) -%}
        select
            {%- for column in model.columns.values() %}
                {%- set field = loaded.get(tap_dixa.letters(column.config.meta.field or column.name)) %}
                {% if field -%}
                    {{ tap_dixa.as_type(adapter.quote(field.name), field.data_type | lower, column.data_type, column.config.meta.unit) }}
                {%- else -%} cast(null as {{ tap_dixa.native_type(column.data_type) }})
                {%- endif %} as {{ column.name }}{{ ',' if not loop.last }}
            {%- endfor %}
        {%- if loaded %}
            from {{ table }}
            {%- if '_sdc_deleted_at' in loaded %}
                where {{ adapter.quote(loaded['_sdc_deleted_at'].name) }} is null
            {%- endif %}
        {%- else %} from (select 1 as nothing) as not_loaded where 1 = 0
        {%- endif %}
    {%- else -%} select 1 as one
    {%- endif -%}
{%- endmacro %}

{#- The columns of a table by their letters; empty if there is no such table. -#}
{% macro loaded_columns(table) -%}
    {%- set found = {} -%}
    {%- if load_relation(table) -%}
        {%- for column in adapter.get_columns_in_relation(table) -%}
            {%- do found.update({tap_dixa.letters(column.name): column}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}

{% macro letters(name) -%}
    {{ return(name | lower if name.startswith('_sdc') or name.startswith('_SDC') else name | replace('_', '') | lower) }}
{%- endmacro %}

{#- From when on what was loaded is whole: the oldest row, but for conversations that were asked for. -#}
{% macro loaded_since(time) -%}
    greatest(min({{ time }}), cast({{ dbt.string_literal(var('loaded_since')) }} as timestamp))
{%- endmacro %}
