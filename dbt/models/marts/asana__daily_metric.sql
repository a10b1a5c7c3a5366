{#- What happened to tasks each day, and how many were open and overdue at its end. -#}
with tasks as (
  select
    cast(created_at as date) as created_on,
    cast(completed_at as date) as completed_on,
    due_on,
    days_to_close
  from {{ ref('asana__task') }}
),

created as (
  select created_on as date_day, count(*) as created_count
  from tasks
  group by created_on
),

completed as (
  select
    completed_on as date_day,
    count(*) as completed_count,
    avg({{ asana_airbyte.as_kind('days_to_close', 'number') }}) as average_days_to_close
  from tasks
  where completed_on is not null
  group by completed_on
),

{#- A task is overdue from the day after it was due until the day on which it is completed. -#}
late as (
  select {{ asana_airbyte.days_after('due_on', '1') }} as date_day, 1 as change
  from tasks
  where due_on is not null and due_on >= created_on and (completed_on is null or completed_on > due_on)
  union all
  select {{ asana_airbyte.days_after('created_on', '0') }} as date_day, 1 as change
  from tasks
  where due_on is not null and due_on < created_on and (completed_on is null or completed_on > created_on)
  union all
  select completed_on as date_day, -1 as change
  from tasks
  where due_on is not null and completed_on is not null and completed_on > due_on and completed_on > created_on
),

overdue as (
  select date_day, sum(change) as overdue_change
  from late
  group by date_day
)

select
  days.date_day,
  coalesce(created.created_count, 0) as created_count,
  coalesce(completed.completed_count, 0) as completed_count,
  completed.average_days_to_close,
  sum(coalesce(created.created_count, 0) - coalesce(completed.completed_count, 0)) over (
    order by days.date_day rows between unbounded preceding and current row
  ) as open_count,
  coalesce(sum(coalesce(overdue.overdue_change, 0)) over (
    order by days.date_day rows between unbounded preceding and current row
  ), 0) as overdue_count
from {{ ref('int_asana__day') }} as days
left join created on created.date_day = days.date_day
left join completed on completed.date_day = days.date_day
left join overdue on overdue.date_day = days.date_day
