{% test orphans(model, column_name, to, field, at_most) %}
    {{ config(fail_calc='coalesce(sum(orphans), 0)') }}
    {#- Rows that name none, if they are more than a share of those that name one. What was not loaded
    lacks nothing. -#}
    select orphans, named
    from
        (
            select count(*) as named, count(*) - count(parent.{{ field }}) as orphans
            from {{ model }} as child
            left join
                (select distinct {{ field }} from {{ to }}) as parent on child.{{ column_name }} = parent.{{ field }}
            where child.{{ column_name }} is not null and exists (select 1 from {{ to }})
        ) as counted
    where orphans > named * {{ at_most }}
{% endtest %}
