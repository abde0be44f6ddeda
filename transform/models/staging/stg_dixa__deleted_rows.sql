{#- What a loader has marked as deleted in _sdc_deleted_at. tap-dixa-load deletes such rows. -#}
{%- set streams = {
    'agents': ['id'], 'end_users': ['id'], 'queues': ['id'], 'queue_members': ['queueId', 'agentId'], 'teams': ['id'],
    'team_members': ['teamId', 'id'], 'tags': ['id'], 'custom_attributes': ['id'], 'business_hours_definitions': ['id'],
} -%}
{%- for stream, keys in streams.items() %}
    {%- set table = source('dixa', stream) -%}
    {%- set loaded = tap_dixa.loaded_columns(table) if execute else {} -%}
    {%- if '_sdc_deleted_at' in loaded -%}
        select
            '{{ stream }}' as stream,
            concat(
                {% for key in keys %}
                    {{ adapter.quote(loaded[key | lower].name) }}{{ ", ' ', " if not loop.last }}
                {% endfor %}
            ) as id,
            {{ tap_dixa.as_type(adapter.quote(loaded['_sdc_deleted_at'].name), loaded['_sdc_deleted_at'].data_type | lower, 'timestamp') }}
            as deleted_at
        from {{ table }}
        where {{ adapter.quote(loaded['_sdc_deleted_at'].name) }} is not null
        union all
    {%- endif %}
{% endfor -%}
select
    cast(null as {{ tap_dixa.native_type("text") }}) as stream,
    cast(null as {{ tap_dixa.native_type("text") }}) as id,
    cast(null as {{ tap_dixa.native_type("timestamp") }}) as deleted_at
from (select 1 as nothing) as not_loaded
where 1 = 0
