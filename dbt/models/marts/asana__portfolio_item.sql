{#- A portfolio's items, those of the portfolios in it included: one row for each portfolio and item. -#}
with recursive items as (
  select portfolio_id as portfolio_id, gid as item_id, resource_type as item_type, name as item_name
  from {{ ref('stg_asana__portfolio_item') }}
  where {{ asana_airbyte.is_known('portfolio_id', 'stg_asana__portfolio', 'gid', ['portfolios']) }}
    and {{ asana_airbyte.is_there('resource_type', 'gid') }}
),

nested {{ asana_airbyte.column_names(['portfolio_id', 'item_id', 'item_type', 'item_name', 'depth', 'path']) }} as (
  select
    portfolio_id,
    item_id,
    item_type,
    item_name,
    1 as depth,
    {{ asana_airbyte.as_kind("'/' || portfolio_id || '/' || item_id || '/'", 'text') }} as path
  from items
  union all
  select
    nested.portfolio_id,
    items.item_id,
    items.item_type,
    items.item_name,
    nested.depth + 1 as depth,
    {{ asana_airbyte.as_kind("nested.path || items.item_id || '/'", 'text') }} as path
  from nested
  inner join items on items.portfolio_id = nested.item_id
  where nested.item_type = 'portfolio' and nested.path not like ('%/' || items.item_id || '/%')
),

ranked as (
  select
    nested.*,
    row_number() over (partition by portfolio_id, item_id order by depth, path) as path_rank
  from nested
)

select
  portfolio_id || '-' || item_id as portfolio_item_id,
  portfolio_id,
  item_id,
  item_type,
  item_name,
  depth,
  (depth = 1) as is_direct,
  path
from ranked
where path_rank = 1
