with numbers as (
  select
    tasks.assignee_id,
    {{- asana_airbyte.task_number_sums() }}
  from {{ ref('asana__task') }} as tasks
  where tasks.assignee_id is not null
  group by tasks.assignee_id
)

select
  users.gid as user_id,
  users.name,
  users.email,
  {{- asana_airbyte.task_number_columns() }}
  users.synced_at
from {{ ref('stg_asana__user') }} as users
left join numbers on numbers.assignee_id = users.gid
