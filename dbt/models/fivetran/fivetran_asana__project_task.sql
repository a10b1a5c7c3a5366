{{ config(alias='project_task') }}
select project_gid as project_id, task_gid as task_id,
  false as _fivetran_deleted,
  synced_at as _fivetran_synced
from {{ ref('asana_airbyte__task_memberships') }}
