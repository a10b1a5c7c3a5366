{{ config(alias='task_follower') }}
select task_id as task_id, user_id as user_id,
  false as _fivetran_deleted,
  synced_at as _fivetran_synced
from {{ ref('asana__task_follower') }}
