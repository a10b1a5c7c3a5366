{#- Each goal with itself (depth 0) and with every goal that it supports, directly or through others. -#}
with recursive parents as (
  select distinct goal_id as parent_id, supporting_id as child_id
  from {{ ref('asana__goal_support') }}
  where supporting_type = 'goal'
),

tree {{ asana_airbyte.column_names(['ancestor_id', 'goal_id', 'depth', 'path']) }} as (
  select
    goal_id as ancestor_id,
    goal_id,
    0 as depth,
    {{ asana_airbyte.as_kind("'/' || goal_id || '/'", 'text') }} as path
  from {{ ref('asana__goal') }}
  union all
  select
    tree.ancestor_id,
    parents.child_id as goal_id,
    tree.depth + 1 as depth,
    {{ asana_airbyte.as_kind("tree.path || parents.child_id || '/'", 'text') }} as path
  from tree
  inner join parents on parents.parent_id = tree.goal_id
  where tree.path not like ('%/' || parents.child_id || '/%')
),

ranked as (
  select
    tree.*,
    row_number() over (partition by ancestor_id, goal_id order by depth, path) as path_rank
  from tree
)

select
  ancestor_id || '-' || goal_id as goal_tree_id,
  ancestor_id,
  goal_id,
  depth,
  path
from ranked
where path_rank = 1
