{%- set rule = ['schedule_id', 'schedule_name', 'timezone', 'rule_name', 'is_exception', 'weekday', 'starts_on', 'next_on', 'day_of_month', 'month_of_year'] -%}
with
    {% for field in ['business_hours', 'exceptions'] %}
        {{ field }}_rules as (
            select
                schedule_id,
                name as schedule_name,
                timezone,
                {{ tap_dixa.json_text('item', 'name') }} as rule_name,
                {{ 'true' if field == 'exceptions' else 'false' }} as is_exception,
                cast({{ tap_dixa.json_text('item', 'dayOfWeek') }} as {{ tap_dixa.native_type('integer') }}) as weekday,
                cast({{ tap_dixa.json_text('item', 'startDate') }} as date) as starts_on,
                cast({{ tap_dixa.json_text('item', 'nextDate') }} as date) as next_on,
                cast(
                    {{ tap_dixa.json_text('item', 'recurring.dayOfMonth') }} as {{ tap_dixa.native_type('integer') }}
                ) as day_of_month,
                cast(
                    {{ tap_dixa.json_text('item', 'recurring.monthOfYear') }} as {{ tap_dixa.native_type('integer') }}
                ) as month_of_year,
                {{ tap_dixa.json_text('item', 'status') }} as status,
                {{ tap_dixa.as_type(tap_dixa.json_at('item', 'intervals'), tap_dixa.native_type('json'), 'json') }}
                as intervals
            from
                {{ tap_dixa.json_elements(ref('stg_dixa__business_hours_definitions'), ['schedule_id', 'name', 'timezone'], field) }}
                as items
        ),
    {% endfor %}
    rules as (
        select *
        from business_hours_rules
        union all
        select *
        from exceptions_rules
    ),
    open_rules as (select * from rules where lower(status) <> 'closed')
select
    {{ rule | join(', ') }},
    {{ tap_dixa.json_text('item', 'startTime') }} as opens,
    {{ tap_dixa.json_text('item', 'endTime') }} as closes
from {{ tap_dixa.json_elements('open_rules', rule, 'intervals') }} as intervals
union all
select {{ rule | join(', ') }}, null as opens, null as closes
from rules
where lower(status) = 'closed'
