{{ config(alias='task_section') }}
select section_gid as section_id, task_gid as task_id,
  false as _fivetran_deleted,
  synced_at as _fivetran_synced
from {{ ref('asana_airbyte__task_memberships') }}
where section_gid is not null
