with memberships as (
  select
    task_id,
    linked_id as project_id,
    max(section_id) as section_id,
    max(synced_at) as synced_at
  from {{ ref('int_asana__task_link') }}
  where link_type in ('membership', 'project')
    and {{ asana_airbyte.is_known('linked_id', 'stg_asana__project', 'gid', ['projects']) }}
  group by task_id, linked_id
)

select
  memberships.task_id || '-' || memberships.project_id as task_membership_id,
  memberships.task_id,
  memberships.project_id,
  {{ 'sections.section_id' if asana_airbyte.has_any_table(['sections']) else 'memberships.section_id' }} as section_id,
  memberships.synced_at
from memberships
left join {{ ref('asana__section') }} as sections on sections.section_id = memberships.section_id
