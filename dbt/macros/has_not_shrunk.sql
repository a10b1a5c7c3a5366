{#- A warning where a table has less than half of the rows that it had in the run before, what was marked as deleted
    in between aside: a stream may have been read in part, or another place. -#}
{% test has_not_shrunk(model) %}
{{ config(severity='warn') }}
with numbered as (
  select
    counts.*,
    row_number() over (partition by mart order by measured_at desc) as run_number
  from {{ model }} as counts
)

select newest.mart, former.row_count as rows_before, newest.row_count as rows_now
from numbered as newest
inner join numbered as former on former.mart = newest.mart and former.run_number = 2
where newest.run_number = 1
  and 2 * (
    newest.row_count
    + case when newest.deleted_count > former.deleted_count then newest.deleted_count - former.deleted_count else 0 end
  ) < former.row_count
{% endtest %}
