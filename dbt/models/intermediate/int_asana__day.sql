{#- Every day since the first task was made, at most 10,000, without a loop that warehouses bound. -#}
with digits as (
  {%- for digit in range(10) %}
  select {{ digit }} as digit{{ ' union all' if not loop.last }}
  {%- endfor %}
),

numbers as (
  select ones.digit + 10 * tens.digit + 100 * hundreds.digit + 1000 * thousands.digit as number
  from digits as ones
  cross join digits as tens
  cross join digits as hundreds
  cross join digits as thousands
),

bounds as (
  select min(cast(created_at as date)) as first_day
  from {{ ref('stg_asana__task') }}
),

days as (
  select {{ asana_airbyte.days_after('bounds.first_day', 'numbers.number') }} as date_day
  from bounds
  cross join numbers
  where bounds.first_day is not null
)

select date_day
from days
where date_day <= {{ asana_airbyte.today() }}
