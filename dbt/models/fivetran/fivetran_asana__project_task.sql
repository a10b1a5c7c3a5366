{{ config(alias='project_task') }}
select project_id as project_id, task_id as task_id,
  false as _fivetran_deleted,
  synced_at as _fivetran_synced
from {{ ref('asana__task_membership') }}
