{#- A portfolio's items, those of the portfolios in it included: one row for each portfolio and item. -#}
with recursive items as (
  select portfolio_id as portfolio_gid, gid as item_gid, resource_type as item_type, name as item_name
  from {{ ref('stg_asana_airbyte__portfolio_items') }}
  where {{ asana_airbyte.is_known('portfolio_id', 'stg_asana_airbyte__portfolios', 'gid', ['portfolios']) }}
),

nested {{ asana_airbyte.column_names(['portfolio_gid', 'item_gid', 'item_type', 'item_name', 'depth', 'path']) }} as (
  select
    portfolio_gid,
    item_gid,
    item_type,
    item_name,
    1 as depth,
    {{ asana_airbyte.as_kind("'/' || portfolio_gid || '/' || item_gid || '/'", 'text') }} as path
  from items
  union all
  select
    nested.portfolio_gid,
    items.item_gid,
    items.item_type,
    items.item_name,
    nested.depth + 1 as depth,
    {{ asana_airbyte.as_kind("nested.path || items.item_gid || '/'", 'text') }} as path
  from nested
  inner join items on items.portfolio_gid = nested.item_gid
  where nested.item_type = 'portfolio' and nested.path not like ('%/' || items.item_gid || '/%')
),

ranked as (
  select
    nested.*,
    row_number() over (partition by portfolio_gid, item_gid order by depth, path) as path_rank
  from nested
)

select
  portfolio_gid || '-' || item_gid as portfolio_item_key,
  portfolio_gid,
  item_gid,
  item_type,
  item_name,
  depth,
  (depth = 1) as is_direct,
  path
from ranked
where path_rank = 1
