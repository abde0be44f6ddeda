with
    scores as (
        select
            {{ tap_dixa.monday('coalesce(r.offered_at, r.rated_at, r.created_at)') }} as week,
            c.queue_id,
            c.queue_name,
            r.score
        from {{ ref('conversation_ratings') }} as r
        inner join {{ ref('conversations') }} as c on c.conversation_id = r.conversation_id
        where r.rating_type = 'csat' and r.rating_status in ('offered', 'rated')
    )
select
    week,
    queue_id,
    max(queue_name) as queue_name,
    count(*) as asked,
    count(score) as answered,
    count(case when score >= {{ var('csat_satisfied') }} then 1 end) as satisfied,
    cast(avg(score) as {{ tap_dixa.native_type('double') }}) as average_score
from scores
group by week, queue_id
