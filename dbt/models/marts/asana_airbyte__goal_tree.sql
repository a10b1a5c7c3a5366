{#- Each goal with itself (depth 0) and with every goal that it supports, directly or through others. -#}
with recursive parents as (
  select distinct goal_gid as parent_gid, supporting_gid as child_gid
  from {{ ref('asana_airbyte__goal_supports') }}
  where supporting_type = 'goal'
),

tree {{ asana_airbyte.column_names(['ancestor_gid', 'goal_gid', 'depth', 'path']) }} as (
  select
    goal_gid as ancestor_gid,
    goal_gid,
    0 as depth,
    {{ asana_airbyte.as_kind("'/' || goal_gid || '/'", 'text') }} as path
  from {{ ref('asana_airbyte__goals') }}
  union all
  select
    tree.ancestor_gid,
    parents.child_gid as goal_gid,
    tree.depth + 1 as depth,
    {{ asana_airbyte.as_kind("tree.path || parents.child_gid || '/'", 'text') }} as path
  from tree
  inner join parents on parents.parent_gid = tree.goal_gid
  where tree.path not like ('%/' || parents.child_gid || '/%')
),

ranked as (
  select
    tree.*,
    row_number() over (partition by ancestor_gid, goal_gid order by depth, path) as path_rank
  from tree
)

select
  ancestor_gid || '-' || goal_gid as goal_tree_key,
  ancestor_gid,
  goal_gid,
  depth,
  path
from ranked
where path_rank = 1
