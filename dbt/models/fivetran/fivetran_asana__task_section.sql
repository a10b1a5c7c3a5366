{{ config(alias='task_section') }}
select section_id as section_id, task_id as task_id,
  false as _fivetran_deleted,
  synced_at as _fivetran_synced
from {{ ref('asana__task_membership') }}
where section_id is not null
