{#- To which project a section belongs, also one that is not listed any more or never was: memberships of tasks
    say it, and the other section of a move, which never leaves the project. -#}
with told as (
  select gid as section_id, project_id
  from {{ ref('stg_asana__section') }}
  where project_id is not null
  union all
  select section_id, linked_id as project_id
  from {{ ref('int_asana__task_link') }}
  where link_type = 'membership' and section_id is not null
  union all
  select new_section_id as section_id, project_id
  from {{ ref('asana__story') }}
  where resource_subtype = 'section_changed' and new_section_id is not null and project_id is not null
),

known as (
  select distinct section_id, project_id from told
),

moves as (
  select old_section_id as section_id, new_section_id as neighbor_id
  from {{ ref('asana__story') }}
  where resource_subtype = 'section_changed' and old_section_id is not null and new_section_id is not null
  union all
  select new_section_id as section_id, old_section_id as neighbor_id
  from {{ ref('asana__story') }}
  where resource_subtype = 'section_changed' and old_section_id is not null and new_section_id is not null
),

neighbors as (
  select distinct section_id, neighbor_id from moves
),

{#- Three steps reach across three sections in a row that are gone. -#}
{%- set steps = ['known', 'once', 'twice'] %}
{%- for step in ['once', 'twice', 'thrice'] %}
{{ step }} as (
  select section_id, project_id from {{ steps[loop.index0] }}
  union all
  select distinct neighbors.section_id, nearer.project_id
  from neighbors
  inner join {{ steps[loop.index0] }} as nearer on nearer.section_id = neighbors.neighbor_id
  left join {{ steps[loop.index0] }} as already on already.section_id = neighbors.section_id
  where already.section_id is null
){{ ',' if not loop.last }}
{% endfor %}

select section_id, min(project_id) as project_id
from thrice
group by section_id
