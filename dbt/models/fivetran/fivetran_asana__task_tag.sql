{{ config(alias='task_tag') }}
select task_id as task_id, tag_id as tag_id,
  false as _fivetran_deleted,
  synced_at as _fivetran_synced
from {{ ref('asana__task_tag') }}
