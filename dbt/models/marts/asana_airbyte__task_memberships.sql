with placed as (
  {{- asana_airbyte.each_item(ref('stg_asana_airbyte__tasks'), 'memberships', ['gid', 'synced_at']) | indent(2) }}
),

listed as (
  {{- asana_airbyte.each_item(ref('stg_asana_airbyte__tasks'), 'projects', ['gid', 'synced_at']) | indent(2) }}
),

memberships as (
  select
    gid as task_gid,
    {{ asana_airbyte.json_text('item', 'project.gid') }} as project_gid,
    {{ asana_airbyte.json_text('item', 'section.gid') }} as section_gid,
    synced_at
  from placed
  union all
  select
    gid as task_gid,
    {{ asana_airbyte.json_text('item', 'gid') }} as project_gid,
    null as section_gid,
    synced_at
  from listed
)

select
  task_gid || '-' || project_gid as membership_key,
  task_gid,
  project_gid,
  max(section_gid) as section_gid,
  max(synced_at) as synced_at
from memberships
where project_gid is not null
group by task_gid, project_gid
