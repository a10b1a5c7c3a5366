with items as (
  {{- asana_airbyte.each_item(ref('stg_asana_airbyte__tasks'), 'dependencies', ['gid', 'synced_at']) | indent(2) }}
),

dependencies as (
  select distinct
    gid as task_gid,
    {{ asana_airbyte.json_text('item', 'gid') }} as depends_on_task_gid,
    synced_at
  from items
)

select
  task_gid || '-' || depends_on_task_gid as task_dependency_key,
  task_gid,
  depends_on_task_gid,
  synced_at
from dependencies
where depends_on_task_gid not in (select gid from {{ ref('stg_asana_airbyte__deleted_tasks') }})
